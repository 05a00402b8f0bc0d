-- noted: dated before the window, so not part of this report
date < DATE '{first_day}'
