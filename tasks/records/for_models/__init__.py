"""What models ask of patient records: moments, cells and rows, wherever the records are."""
