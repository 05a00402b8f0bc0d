-- set_aside: the clinic is missing or blank
clinic IS NULL
