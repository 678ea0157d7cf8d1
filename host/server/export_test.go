package server

// Serve is for tests that bring their own listener, and with it their own time.
var Serve = serve
