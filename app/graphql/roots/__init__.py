"""What can be asked, changed and followed: the fields of Query, Mutation and Subscription."""
