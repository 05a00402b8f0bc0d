"""How a clinic compares, and the tone in which words and charts tell it."""

TONES = {
    "better": "better",
    "worse": "worse",
    "no_different": "same",
    "placed": "placed",
    "not_compared": "uncompared",
}
