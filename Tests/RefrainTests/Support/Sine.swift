import Foundation

/// The sine in double precision.
func sine(_ x: Double) -> Double { sin(x) }
