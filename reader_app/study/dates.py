"""Arithmetic on ISO dates without a clock: the study package may not import datetime."""

from __future__ import annotations


def add_days(day: str, days: int) -> str:
    """Return the date ``days`` after an ISO date of the Gregorian calendar (years 1-9999).

    Counts days from 1 March of year 0, so that the leap day is the last of its year (Hinnant, "chrono-compatible low-level date
    algorithms").
    """
    year, month, of_month = int(day[:4]), int(day[5:7]), int(day[8:10])
    shifted = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + of_month - 1
    number = 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400 + of_year + days
    era, in_era = divmod(number, 146097)
    year_of_era = (in_era - in_era // 1460 + in_era // 36524 - in_era // 146096) // 365
    rest = in_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * rest + 2) // 153
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (month <= 2)
    return f"{year:04d}-{month:02d}-{rest - (153 * shifted_month + 2) // 5 + 1:02d}"
