package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// plot is a picture of some lines over a logarithmic axis, as an SVG. It is written without text/template, which would keep every exported
// method of the program in the binary.
type plot struct {
	title, axisX, axisY string
	logY                bool
	lines               []plotLine
}

type plotLine struct {
	name string
	at   [][2]float64 // by x
}

// The measures of a plot, in pixels, and the colours of its lines, which differ for the colour-blind too.
const (
	plotWidth, plotHeight                    = 680, 360
	plotLeft, plotRight, plotTop, plotBottom = 64, 90, 44, 52
	plotInnerWidth, plotInnerHeight          = plotWidth - plotLeft - plotRight, plotHeight - plotTop - plotBottom
	plotNameHeight                           = 15
)

var plotColours = []string{"#0b5cad", "#c4570b", "#2f7d4a"}

// svg draws the plot.
func (p *plot) svg() []byte {
	var b strings.Builder
	x, y := p.scales()
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12" fill="#222">`+"\n", plotWidth, plotHeight, plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	fmt.Fprintf(&b, `<text x="%d" y="22" font-size="15" font-weight="bold">%s</text>`+"\n", plotLeft, escape(p.title))
	for _, v := range y.ticks() {
		fmt.Fprintf(&b, `<path d="M%d %sH%d" stroke="#ddd"/><text x="%d" y="%s" text-anchor="end">%s</text>`+"\n",
			plotLeft, pixel(y.at(v)), plotLeft+plotInnerWidth, plotLeft-8, pixel(y.at(v)+4), brief(v))
	}
	for _, v := range p.lines[0].at {
		fmt.Fprintf(&b, `<path d="M%s %dv5" stroke="#222"/><text x="%s" y="%d" text-anchor="middle">%s</text>`+"\n",
			pixel(x.at(v[0])), plotTop+plotInnerHeight, pixel(x.at(v[0])), plotTop+plotInnerHeight+19, brief(v[0]))
	}
	fmt.Fprintf(&b, `<path d="M%d %dH%d" stroke="#222"/>`+"\n", plotLeft, plotTop+plotInnerHeight, plotLeft+plotInnerWidth)
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", plotLeft+plotInnerWidth/2, plotHeight-10, escape(p.axisX))
	fmt.Fprintf(&b, `<text x="%d" y="38" fill="#555">%s</text>`+"\n", plotLeft, escape(p.axisY))
	for i, name := range p.names(y) {
		l, colour := &p.lines[i], plotColours[i%len(plotColours)]
		var points []string
		for _, at := range l.at {
			points = append(points, pixel(x.at(at[0]))+","+pixel(y.at(at[1])))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colour)
		fmt.Fprintf(&b, `<text x="%d" y="%s" fill="%s">%s</text>`+"\n", plotLeft+plotInnerWidth+8, pixel(name+4), colour, escape(l.name))
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// names are the heights at which the lines are named: where they end, but none upon another.
func (p *plot) names(y scale) []float64 {
	out := make([]float64, len(p.lines))
	for i := range p.lines {
		at := p.lines[i].at
		out[i] = y.at(at[len(at)-1][1])
	}
	for range p.lines { // few enough
		for i := range out {
			for k := range out {
				if i != k && math.Abs(out[i]-out[k]) < plotNameHeight && (out[i] > out[k] || out[i] == out[k] && i > k) {
					out[i] = out[k] + plotNameHeight
				}
			}
		}
	}
	return out
}

// scale takes values to pixels.
type scale struct {
	from, to  float64 // pixels
	low, high float64 // values
	log       bool
}

func (p *plot) scales() (x, y scale) {
	x = scale{from: plotLeft, to: plotLeft + plotInnerWidth, log: true, low: math.Inf(1), high: math.Inf(-1)}
	y = scale{from: plotTop + plotInnerHeight, to: plotTop, log: p.logY, low: math.Inf(1), high: math.Inf(-1)}
	for i := range p.lines {
		for _, at := range p.lines[i].at {
			x.low, x.high = min(x.low, at[0]), max(x.high, at[0])
			if !p.logY || at[1] > 0 {
				y.low, y.high = min(y.low, at[1]), max(y.high, at[1])
			}
		}
	}
	if p.logY {
		y.low, y.high = math.Pow(10, math.Floor(math.Log10(y.low))), math.Pow(10, math.Ceil(math.Log10(y.high)))
	} else {
		step := y.step(y.high)
		y.low, y.high = 0, step*math.Ceil(y.high/step)
	}
	return x, y
}

// at is the pixel of a value; one that is too low for the scale stands at its foot.
func (s *scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log(low), math.Log(high), math.Log(max(v, low))
	}
	if high == low {
		return s.from
	}
	return s.from + (s.to-s.from)*(v-low)/(high-low)
}

// step is a round number of which four to eight make the highest value.
func (*scale) step(high float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(max(high, 1e-9))))
	for _, part := range []float64{.2, .5, 1} {
		if high/(part*unit) <= 6 {
			return part * unit
		}
	}
	return 2 * unit
}

func (s *scale) ticks() (at []float64) {
	if s.log {
		for v := s.low; v <= s.high*1.001; v *= 10 {
			at = append(at, v)
		}
		return at
	}
	step := s.step(s.high)
	for i := range int(math.Round(s.high/step)) + 1 {
		at = append(at, float64(i)*step)
	}
	return at
}

// brief writes 3000 as 3k.
func brief(v float64) string {
	switch {
	case v >= 1e6:
		return brief(v/1e6) + "M"
	case v >= 1e3:
		return brief(v/1e3) + "k"
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func pixel(v float64) string { return strconv.FormatFloat(toDigits(v, 1), 'f', -1, 64) }

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
