"""What a fit answers: pure functions of the parameters and the mean amounts, so that each has an interval."""
