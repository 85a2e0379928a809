"""Geometry of the charts: numbers in, coordinates out. Templates draw them as SVG."""

from leaderboard.charts.badge import Badge, draw_badge
from leaderboard.charts.classes import Bar, draw_classes
from leaderboard.charts.confusion import Matrix, draw_confusion
from leaderboard.charts.plots import HALF, WHOLE, Chart, Frame
from leaderboard.charts.scales import name_count
from leaderboard.charts.strips import Axis, Strip, make_axis, make_strip
from leaderboard.charts.timings import Segment, draw_timings
from leaderboard.charts.tradeoff import COST_KEYS, Cost, draw_tradeoff, list_costs
from leaderboard.charts.trend import draw_trend, has_trend

__all__ = [
    "COST_KEYS",
    "HALF",
    "WHOLE",
    "Axis",
    "Badge",
    "Bar",
    "Chart",
    "Cost",
    "Frame",
    "Matrix",
    "Segment",
    "Strip",
    "draw_badge",
    "draw_classes",
    "draw_confusion",
    "draw_timings",
    "draw_tradeoff",
    "draw_trend",
    "has_trend",
    "list_costs",
    "make_axis",
    "make_strip",
    "name_count",
]
