package profile

// Grammar is the table of directives, for tests that make profiles.
var Grammar = grammar
