"""The live board at /board, for those without Grafana: one page, served by every worker, that asks the HTTP interface.

The page holds no figure when it is loaded, so it needs no token; what it shows it asks for, as any program does.
"""

from streams.board.pages import add_board, is_of_the_board

__all__ = ["add_board", "is_of_the_board"]
