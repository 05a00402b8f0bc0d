-- noted: dated after the reported {period}, so not part of this report
date >= DATE '{day_after}'
