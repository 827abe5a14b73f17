"""The RunEngine and what is known about the plan that it runs. Talks to no socket."""
