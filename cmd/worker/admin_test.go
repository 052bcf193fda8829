package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestHealth(t *testing.T) {
	h, now := &health{}, time.Unix(1000, 0)
	handler := adminHandler(newMetrics("v", "m", "p"), h, func() time.Time { return now }, false)
	want := func(path string, code int, contains string) {
		t.Helper()
		if got, body := get(t, handler, path); got != code || !strings.Contains(body, contains) {
			t.Errorf("%s: %d %q, want %d %q", path, got, body, code, contains)
		}
	}
	want("/livez", 200, "ok")
	want("/readyz", 503, "not a member")
	h.joined.Store(true)
	want("/readyz", 200, "ok")
	h.draining.Store(true)
	want("/readyz", 503, "draining")
	l := &lane{}
	h.lanes.begin(l, now)
	now = now.Add(stuckAfter)
	want("/livez", 200, "ok")
	now = now.Add(time.Second)
	want("/livez", 503, "1m1s")
	h.lanes.end(l, now)
	want("/livez", 200, "ok")
	want("/metrics", 200, "onside_build_info")
	want("/", 404, "")
}

func TestProfilesOnlyOnLoopback(t *testing.T) {
	for listen, want := range map[string]int{"127.0.0.1:0": http.StatusOK, "0.0.0.0:0": http.StatusNotFound} {
		a, err := startAdmin(listen, newMetrics("v", "m", "p"), &health{}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := strings.Cut(strings.TrimPrefix(a.listener.Addr().String(), "[::]"), ":")
		for path, code := range map[string]int{"/debug/pprof/": want, "/debug/pprof/cmdline": http.StatusNotFound} {
			res, err := http.Get("http://127.0.0.1:" + port + path)
			if err != nil {
				t.Fatal(err)
			}
			if err := res.Body.Close(); err != nil {
				t.Error(err)
			}
			if res.StatusCode != code {
				t.Errorf("%s on %s: %d, want %d", path, listen, res.StatusCode, code)
			}
		}
		http.DefaultClient.CloseIdleConnections()
		if err := a.close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAdminAddressInUse(t *testing.T) {
	a, err := startAdmin("127.0.0.1:0", newMetrics("v", "m", "p"), &health{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := startAdmin(a.listener.Addr().String(), newMetrics("v", "m", "p"), &health{}, time.Now); err == nil {
		t.Error("two servers on one address")
	}
	if err := a.close(); err != nil {
		t.Error(err)
	}
}

func TestMetricNames(t *testing.T) {
	families, err := newMetrics("v", "m", "p").registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
