"""The one door to patient records: sources, formulas to SQL, moments and cells."""

from tasks.records.cell_blocks import CellBlocks
from tasks.records.cells import Cells
from tasks.records.design import Design, Dropped, RandomTerm
from tasks.records.folded_moments import FoldedMoments
from tasks.records.for_models.adding import add
from tasks.records.for_models.new_rows import NewRows, new_rows
from tasks.records.for_models.one_read import read_once
from tasks.records.for_models.queries import blocks_for, cells_for, folded_moments_for, moments_for
from tasks.records.moments import Moments
from tasks.records.sources.records import Records

__all__ = [
    "CellBlocks",
    "Cells",
    "Design",
    "Dropped",
    "FoldedMoments",
    "Moments",
    "NewRows",
    "RandomTerm",
    "Records",
    "add",
    "blocks_for",
    "cells_for",
    "folded_moments_for",
    "moments_for",
    "new_rows",
    "read_once",
]
