"""The dashboard as a server: who is let in, what it answers, what it keeps apart."""
