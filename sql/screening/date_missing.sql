-- set_aside: the date is missing
date IS NULL
