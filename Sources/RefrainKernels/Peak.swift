// The limit of this build on one core: multiply-adds with everything in registers.

/// Twelve sums: enough to keep two units busy whose results take five cycles, and few enough for 16 registers.
private struct PeakSums {
  private var s0: Vector
  private var s1: Vector
  private var s2: Vector
  private var s3: Vector
  private var s4: Vector
  private var s5: Vector
  private var s6: Vector
  private var s7: Vector
  private var s8: Vector
  private var s9: Vector
  private var s10: Vector
  private var s11: Vector

  @inline(always) static var count: Int { 12 }

  /// PeakSums that differ, or the compiler would compute only one of them.
  @inline(always) init(startingFrom start: Float) {
    (s0, s1, s2, s3) = (splat(start), splat(start + 1), splat(start + 2), splat(start + 3))
    (s4, s5, s6, s7) = (splat(start + 4), splat(start + 5), splat(start + 6), splat(start + 7))
    (s8, s9, s10, s11) = (splat(start + 8), splat(start + 9), splat(start + 10), splat(start + 11))
  }

  /// Each sum becomes sum · factor + term: nothing of that can be done once for all repetitions.
  @inline(always) mutating func advance(_ factor: Vector, _ term: Vector) {
    s0 = multiplyAdd(s0, factor, term)
    s1 = multiplyAdd(s1, factor, term)
    s2 = multiplyAdd(s2, factor, term)
    s3 = multiplyAdd(s3, factor, term)
    s4 = multiplyAdd(s4, factor, term)
    s5 = multiplyAdd(s5, factor, term)
    s6 = multiplyAdd(s6, factor, term)
    s7 = multiplyAdd(s7, factor, term)
    s8 = multiplyAdd(s8, factor, term)
    s9 = multiplyAdd(s9, factor, term)
    s10 = multiplyAdd(s10, factor, term)
    s11 = multiplyAdd(s11, factor, term)
  }

  @inline(always) var total: Vector { ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)) + ((s8 + s9) + (s10 + s11)) }
}

extension KernelBuild {
  /// Does nothing but multiply-adds on independent sums: 24 vectors where there are 32 registers, else 12.
  ///
  /// - Parameters:
  ///   - repetitions: how often each sum is multiplied and added to.
  ///   - result: gets one float that depends on all of them.
  /// - Returns: the number of multiplications and additions that were done.
  public static func multiplyAddPeak(_ repetitions: Int, _ result: UnsafeMutablePointer<Float>) -> Int {
    // The sums go to 2: no number on the way is so large or so small that it would be slow.
    let (factor, term) = (splat(0.5), splat(1))
    var first = PeakSums(startingFrom: 0)
    var left = repetitions
    #if AVX512 || arch(arm64)
      var second = PeakSums(startingFrom: 12)
      while left > 0 {
        first.advance(factor, term)
        second.advance(factor, term)
        left &-= 1
      }
      result[0] = sumOfLanes(first.total + second.total)
      return 2 &* 2 &* PeakSums.count &* width &* repetitions
    #else
      while left > 0 {
        first.advance(factor, term)
        left &-= 1
      }
      result[0] = sumOfLanes(first.total)
      return 2 &* PeakSums.count &* width &* repetitions
    #endif
  }
}
