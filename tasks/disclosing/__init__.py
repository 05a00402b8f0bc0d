"""One disclosure policy, applied once, before anything is rendered or published."""
