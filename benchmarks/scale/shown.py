"""Numbers as the page writes them."""

from benchmarks.scale.sourced import Sourced


def amount(number: Sourced) -> str:
    amount = f"{number.amount:,.6f}".rstrip("0").rstrip(".")
    return f"{amount} {number.unit}" if number.unit[0] != "$" else f"${amount}{number.unit[1:]}"


def minutes(minutes: float) -> str:
    return "minute" if minutes == 1 else f"{minutes:.0f} minutes"


def dollars(amount: float) -> str:
    return f"{amount:,.2f}" if amount < 100 else f"{amount:,.0f}"
