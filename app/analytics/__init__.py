"""Figures per day: how often which action happened, where and by whom. Counted as events come, made anew on request."""
