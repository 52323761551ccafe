"""Finds plates in a frame."""

from models.detector.inference import Detector

__all__ = ["Detector"]
