-- set_aside: the clinic, or the region that numbers it, is missing or blank
clinic IS NULL
