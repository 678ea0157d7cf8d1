package guest

// IOFailure is io.error of the WIT.
type IOFailure struct {
	Kind    uint8
	Message string
}

// HTTPRequest is http.request of the WIT.
type HTTPRequest struct {
	Method, Path string
	Headers      [][2]string
	Body         []byte
	TimeoutMS    uint32
}

// HTTPResponse is http.response of the WIT.
type HTTPResponse struct {
	Status  uint16
	Headers [][2]string
	Body    []byte
}
