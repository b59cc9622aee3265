"""What happened, in order of time: one flow segment by segment, or the notable events of a whole capture."""

from .moment import Fold, Moment
from .of_capture import notable
from .of_flow import timeline

__all__ = ["Fold", "Moment", "notable", "timeline"]
