package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// size is a number of bytes, written 1048576 or 1MiB.
type size int

var sizeUnits = []struct {
	suffix string
	factor size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

func (s size) String() string {
	for _, u := range sizeUnits {
		if u.factor > 1 && s != 0 && s%u.factor == 0 {
			return strconv.Itoa(int(s/u.factor)) + u.suffix
		}
	}
	return strconv.Itoa(int(s))
}

func parseSize(text string) (size, error) {
	for _, u := range sizeUnits {
		if digits, ok := strings.CutSuffix(text, u.suffix); ok {
			n, err := strconv.Atoi(strings.TrimSpace(digits))
			if err != nil || n < 0 || n > 1<<40/int(u.factor) {
				break
			}
			return size(n) * u.factor, nil
		}
	}
	return 0, errors.New("want a number of bytes such as 64KiB or 1MiB")
}

// setScalar parses text into a field that is no mapping.
func setScalar(v reflect.Value, text string) error {
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p = text
	case *[]string:
		*p = splitList(text)
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil || len(text) < 4 {
			return fmt.Errorf("%q is not true or false", text)
		}
		*p = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*p = n
	case *size:
		n, err := parseSize(text)
		if err != nil {
			return fmt.Errorf("%q is not a size: %w", text, err)
		}
		if n == 0 {
			return fmt.Errorf("%s is not above zero", text)
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration: want a number with a unit, such as 250ms, 30s or 24h", text)
		}
		if d <= 0 {
			return fmt.Errorf("%s is not above zero", text)
		}
		*p = d
	default:
		panic(fmt.Sprintf("worker: no way to set a %T", p))
	}
	return nil
}

func splitList(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// kindOf names what a field wants, for messages.
func kindOf(v reflect.Value) string {
	switch v.Interface().(type) {
	case string:
		return "a string"
	case []string:
		return "a list of strings"
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case size:
		return "a size such as 1MiB"
	case time.Duration:
		return "a duration such as 30s"
	}
	return "a mapping"
}

// setting is one field of the configuration.
type setting struct {
	path  string // "kafka.tls.ca_file"; empty for the whole
	value reflect.Value
	tag   reflect.StructTag
}

// isGroup says whether the field is a mapping of further ones.
func (s setting) isGroup() bool { return s.value.Kind() == reflect.Struct }

// fields are the settings directly below s, in the order of the struct.
func (s setting) fields() []setting {
	t := s.value.Type()
	out := make([]setting, 0, t.NumField())
	for i := range t.NumField() {
		path := t.Field(i).Tag.Get("yaml")
		if s.path != "" {
			path = s.path + "." + path
		}
		out = append(out, setting{path: path, value: s.value.Field(i), tag: t.Field(i).Tag})
	}
	return out
}

// key is the last word of the path.
func (s setting) key() string { return s.path[strings.LastIndexByte(s.path, '.')+1:] }

// settings walks all settings of c, groups before what they hold.
func settings(c *config) []setting {
	var out []setting
	var walk func(s setting)
	walk = func(s setting) {
		for _, f := range s.fields() {
			out = append(out, f)
			if f.isGroup() {
				walk(f)
			}
		}
	}
	walk(setting{value: reflect.ValueOf(c).Elem()})
	return out
}
