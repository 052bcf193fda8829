package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// health is what /livez and /readyz answer from. The zero health is alive and not ready.
type health struct {
	joined   atomic.Bool
	draining atomic.Bool
	lanes    laneClock
}

// ready is nil while this worker is a member of its group and takes work. A Kafka or Redis that is away later does
// not make it unready: another worker would fare no better.
func (h *health) ready() error {
	switch {
	case h.draining.Load():
		return errors.New("draining")
	case !h.joined.Load():
		return errors.New("not a member of the group yet")
	}
	return nil
}

// stuckAfter is how long one batch may be classified: it is computed in milliseconds, so only a loop takes longer.
const stuckAfter = time.Minute

// alive is nil unless a lane computes without end. Waiting for Kafka is no fault of the process.
func (h *health) alive(now time.Time) error {
	if d := h.lanes.longest(now); d > stuckAfter {
		return fmt.Errorf("a lane has been deciding one batch for %s", d.Round(time.Second))
	}
	return nil
}

// admin serves metrics and health.
type admin struct {
	server   *http.Server
	listener net.Listener
	done     chan error
}

// startAdmin listens on the address and serves until close.
func startAdmin(listen string, m *metrics, h *health, now func() time.Time) (*admin, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("serve metrics and health: %w", err)
	}
	a := &admin{
		listener: l,
		done:     make(chan error, 1),
		server: &http.Server{
			Handler:           adminHandler(m, h, now, isLoopback(l.Addr())),
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      90 * time.Second, // a CPU profile takes 30 s unless asked otherwise
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    16 << 10,
		},
	}
	go func() { a.done <- a.server.Serve(l) }()
	return a, nil
}

// close ends the server and waits for it. The error is one that ended it before.
func (a *admin) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if a.server.Shutdown(ctx) != nil {
		_ = a.server.Close() // connections that would not end in time
	}
	if err := <-a.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics and health: %w", err)
	}
	return nil
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func adminHandler(m *metrics, h *health, now func() time.Time, profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		Registry: m.registry, EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	}))
	mux.Handle("GET /livez", answer(func() error { return h.alive(now()) }))
	mux.Handle("GET /readyz", answer(h.ready))
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return http.MaxBytesHandler(mux, 1<<10)
}

func answer(check func() error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := check(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, err.Error()+"\n")
			return
		}
		io.WriteString(w, "ok\n")
	})
}
