//go:build linux

package main

import "slices"

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// interval returns the values that bound the median with a confidence of at
// least 95 %, whatever the distribution: the k-th from either end, where k is
// the largest for which so many coins fall on one side seldom enough. With
// fewer than six values it is all that there is.
func interval(values []float64) (low, high float64) {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	k, tail, ways := 0, 0.0, 1.0
	for i := range n / 2 {
		total := 1.0
		for range n {
			total *= 2
		}
		if tail += ways / total; 2*tail > 0.05 {
			break
		}
		k = i
		ways = ways * float64(n-i) / float64(i+1)
	}
	return s[k], s[n-1-k]
}
