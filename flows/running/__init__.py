"""How a run is watched and ended: progress, stalled steps, stops."""
