"""The desktop program: its window, its panes, and the threads behind them."""
