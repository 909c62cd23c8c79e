"""Those who get records: subscribers, aggregators, and who asks or commands a run."""
