"""The report's tables and figures, drawn from the tables of a study."""

from rnnschur.extras import require

require("rnnschur.report", "report")
