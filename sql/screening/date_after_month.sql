-- noted: dated after the reported month, so not part of this report
date >= DATE '{day_after}'
