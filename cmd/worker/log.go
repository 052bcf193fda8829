package main

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger writes JSON lines. Nobody gives it the text of a message, a key or an id but that of an event.
func newLogger(w io.Writer, level string) *zap.Logger {
	l, err := zapcore.ParseLevel(level)
	if err != nil {
		panic("worker: log level was checked: " + err.Error())
	}
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(enc), zapcore.Lock(zapcore.AddSync(w)), l))
}
