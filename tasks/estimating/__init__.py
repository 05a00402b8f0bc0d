"""Every estimate of one outcome, from its moments and cells."""
