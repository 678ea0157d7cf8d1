package control

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/conductorquantum/coda/host/fault"
	"github.com/conductorquantum/coda/host/socket"
)

// Server answers on the socket.
type Server struct {
	http *http.Server
	path string
	done chan struct{}
}

// Listen opens the socket at path, in the place of one that a node left behind:
// the caller holds the lock of the directory, so that none is in use. The error
// is a *fault.NodeError.
func Listen(path string, box Outbox, bench Bench, log *slog.Logger) (*Server, error) {
	listener, err := listen(path)
	if err != nil {
		return nil, &fault.NodeError{Op: "control", Reason: path, Err: err}
	}
	s := &Server{path: path, done: make(chan struct{}), http: &http.Server{
		Handler:           handler(box, bench),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the socket for the operator's commands stopped", "error", err)
		}
	}()
	return s, nil
}

// listen makes the socket in a folder that is ours alone, and moves it to its
// place once its mode is set: under its name it is never open to others.
func listen(path string) (net.Listener, error) {
	between := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.RemoveAll(between); err != nil {
		return nil, err
	}
	if err := os.Mkdir(between, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(between)
	made := filepath.Join(between, "s")
	short, done, err := socket.Short(made)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it is moved
	if err = os.Chmod(made, 0o600); err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Close removes the socket, and ends the server once the requests in hand are
// answered, or ctx ends.
func (s *Server) Close(ctx context.Context) error {
	err := os.Remove(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if shut := s.http.Shutdown(ctx); shut != nil {
		err = errors.Join(err, shut, s.http.Close())
	}
	<-s.done
	return err
}

func handler(box Outbox, bench Bench) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /outbox", func(w http.ResponseWriter, r *http.Request) {
		values := r.URL.Query()
		limit, err := strconv.Atoi(values.Get("limit"))
		if err != nil || limit < 1 || limit > MaxPage {
			answer(w, http.StatusBadRequest, failure{"limit must be from 1 to " + strconv.Itoa(MaxPage)})
			return
		}
		page, err := box.List(r.Context(), Query{State: values.Get("state"), After: values.Get("after"), Limit: limit})
		reply(w, page, err)
	})
	mux.HandleFunc("GET /outbox/job", func(w http.ResponseWriter, r *http.Request) {
		entry, err := box.Find(r.Context(), r.URL.Query().Get("id"))
		reply(w, entry, err)
	})
	mux.HandleFunc("GET /outbox/body", func(w http.ResponseWriter, r *http.Request) {
		body, err := box.Body(r.Context(), r.URL.Query().Get("id"))
		if err != nil {
			reply(w, nil, err)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // whoever asked is gone if this fails
	})
	for verb, do := range map[string]func(context.Context, string) error{"retry": box.Retry, "drop": box.Drop} {
		mux.HandleFunc("POST /outbox/"+verb, func(w http.ResponseWriter, r *http.Request) {
			if err := do(r.Context(), r.URL.Query().Get("id")); err != nil {
				reply(w, nil, err)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})
	}
	device := func(do func(context.Context) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			err := ErrNoBench
			if bench != nil {
				err = do(r.Context())
			}
			if err != nil {
				reply(w, nil, err)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}
	}
	mux.HandleFunc("POST /device/make-safe", device(func(ctx context.Context) error { return bench.Rest(ctx) }))
	mux.HandleFunc("POST /device/clear", device(func(context.Context) error {
		if !bench.Clear() {
			return ErrAtRest
		}
		return nil
	}))
	return mux
}

// failure is the body of an answer that is no success.
type failure struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, body any, err error) {
	switch {
	case err == nil:
		answer(w, http.StatusOK, body)
	case errors.Is(err, ErrUnknown):
		answer(w, http.StatusNotFound, failure{err.Error()})
	case errors.Is(err, ErrRefused), errors.Is(err, ErrNoBench), errors.Is(err, ErrAtRest):
		answer(w, http.StatusConflict, failure{err.Error()})
	default:
		answer(w, http.StatusInternalServerError, failure{err.Error()})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked is gone if this fails
}
