"""A world that is not a Hawkes process: agents decide. It shows what the estimator can and cannot recover."""
