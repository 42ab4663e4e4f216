"""The figures: each as a ratio to the raw crypto limit of the same run."""
