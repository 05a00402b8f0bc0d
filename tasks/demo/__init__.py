"""The two demo networks: real records of one hospital, and a simulated state whose truth is known."""

from tasks.demo.make_demo import DEMO_MONTHS, DemoName, make_demo
from tasks.demo.state48 import state48_clinic_effects, state48_truth

__all__ = ["DEMO_MONTHS", "DemoName", "make_demo", "state48_clinic_effects", "state48_truth"]
