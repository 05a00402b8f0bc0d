-- set_aside: the date is before 1900 or after 2199, which no record of a patient is
date < DATE '1900-01-01' OR date >= DATE '2200-01-01'
