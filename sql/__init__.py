"""SQL that a person may read or replace: the records contract, screening rules, demo loaders, feed views."""
