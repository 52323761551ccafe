"""All routes of the dashboard."""

from fastapi import APIRouter

from api.dashboard import assets, cameras, charts, live, registry, review, search

ROUTERS: tuple[APIRouter, ...] = (
    assets.router,
    live.router,
    search.router,
    review.router,
    cameras.router,
    charts.router,
    registry.router,
)
