"""The paper's statements, read and judged, and runs compared."""

from rnnschur.extras import require

require("rnnschur.paper", "report")
