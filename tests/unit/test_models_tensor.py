"""Real values survive the way into a quantised tensor and back."""

import numpy as np
import pytest

from models.tflite import Tensor


def a_tensor(dtype: type[np.generic], scale: float, zero_point: int) -> Tensor:
    return Tensor(name="x", index=0, shape=(1,), dtype=np.dtype(dtype), scale=scale, zero_point=zero_point)


@pytest.mark.parametrize(("dtype", "zero_point"), [(np.uint8, 100), (np.int8, -28)])
def test_quantising_loses_at_most_half_a_step(dtype: type[np.generic], zero_point: int) -> None:
    tensor = a_tensor(dtype, 0.5, zero_point)
    real = np.linspace(-50, 77, 1000, dtype=np.float32)
    stored = tensor.quantised(real)
    assert stored.dtype == dtype
    assert np.abs(tensor.real(stored) - real).max() <= 0.25


@pytest.mark.parametrize(("dtype", "low", "high"), [(np.uint8, 0, 255), (np.int8, -128, 127)])
def test_values_out_of_range_are_cut_not_wrapped(dtype: type[np.generic], low: int, high: int) -> None:
    stored = a_tensor(dtype, 0.1, 0).quantised(np.array([-1000, 1000], np.float32))
    assert stored.tolist() == [low, high]


def test_float_tensors_hold_real_values() -> None:
    tensor, real = a_tensor(np.float32, 0.0, 0), np.array([0.25, -3.5], np.float32)
    assert tensor.quantised(real).tolist() == tensor.real(real).tolist() == [0.25, -3.5]
