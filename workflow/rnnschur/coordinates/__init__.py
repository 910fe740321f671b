"""Coordinates of a recurrent matrix: ordered Schur form, sectors, measures of non-normality."""
