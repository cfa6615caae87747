"""What mailboxes cost and where they reach a limit: a model, made of what was measured."""
