import RealModule
import Synchronization

/// A generator of pseudo-random numbers whose whole sequence follows from its seed: xoshiro256++ (Blackman and Vigna,
/// 2021), seeded through SplitMix64. A value: a copy repeats the same numbers.
public struct RandomGenerator: RandomNumberGenerator, Sendable {
  private(set) var state: (UInt64, UInt64, UInt64, UInt64)

  /// The generator whose numbers follow from `seed`.
  public init(seed: UInt64) {
    var mixer = seed
    func next() -> UInt64 {
      mixer &+= 0x9E37_79B9_7F4A_7C15
      var z = mixer
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    state = (next(), next(), next(), next())
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    func rotated(_ x: UInt64, _ by: UInt64) -> UInt64 { (x << by) | (x >> (64 - by)) }
    let result = rotated(state.0 &+ state.3, 23) &+ state.0
    let t = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= t
    state.3 = rotated(state.3, 45)
    return result
  }

  /// A number in [0, 1), of 24 random bits.
  public mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// A number from the normal distribution of mean 0 and deviation 1 (Box and Muller, 1958).
  public mutating func normal() -> Float {
    let radius = 1 - Double(next() >> 11) * 0x1p-53
    let angle = Double(next() >> 11) * 0x1p-53
    return Float((-2 * Double.log(radius)).squareRoot() * Double.cos(2 * .pi * angle))
  }

  /// A whole number in `0 ..< bound`.
  public mutating func integer(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

  /// The numbers `0 ..< count` in random order.
  public mutating func permutation(_ count: Int) -> [Int] { Array(0..<count).shuffled(using: &self) }

  /// The first numbers of a permutation, for which the others need not be held.
  ///
  /// - Parameters:
  ///   - prefix: how many, at most `count`.
  ///   - count: of how many numbers the permutation is.
  package mutating func permutation(prefix: Int, of count: Int) -> [Int] {
    // As arrays are shuffled: each place in turn is swapped with one behind it or itself.
    var moved: [Int: Int] = [:]
    var numbers: [Int] = []
    for place in 0..<max(0, count - 1) {
      let other = place + integer(below: count - place)
      guard place < prefix else { continue }
      numbers.append(moved[other] ?? other)
      moved[other] = moved[place] ?? place
    }
    if prefix == count, count > 0 { numbers.append(moved[count - 1] ?? count - 1) }
    return numbers
  }
}

/// The generator behind initializers that are given none.
private let defaultGenerator = Mutex(RandomGenerator(seed: 0))

/// Seeds the generator that layers without a generator or seed of their own start from.
public func setRandomSeed(_ seed: UInt64) {
  defaultGenerator.withLock { $0 = RandomGenerator(seed: seed) }
}

/// A generator of its own, drawn from the default one.
public func makeRandomGenerator() -> RandomGenerator {
  RandomGenerator(seed: defaultGenerator.withLock { $0.next() })
}
