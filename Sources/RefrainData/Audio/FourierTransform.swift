import RefrainFoundation

/// A plan for the discrete Fourier transform of real numbers, of any length: eight transforms side by side, one in each
/// lane of a vector.
///
///     X[k] = Σ_n x[n] e^(−2πi k n / N),   k = 0 … N/2
///
/// Lanes never meet, so that a transform has the same bits whatever goes on beside it. An even length takes a complex
/// transform of half of it (Cooley and Tukey 1965, in Stockham's order, by factors of 4, 2, 3, 5 and any other prime).
public struct FourierTransform: Sendable {
  /// Eight numbers, one of each transform.
  public typealias Lanes = SIMD8<Float>

  /// The length N.
  public let count: Int
  /// The number of results, N/2 + 1.
  public var binCount: Int { count / 2 + 1 }

  /// One factor of the complex transform.
  fileprivate struct Pass {
    let radix: Int
    /// The length of the transforms that are left, and how many of them lie side by side.
    let length: Int
    let stride: Int
    /// e^(−2πi j p / length · radix) for p of the rest and j below the radix.
    let cosines: [Float]
    let sines: [Float]
    /// e^(−2πi j k / radix)
    let innerCosines: [Float]
    let innerSines: [Float]
  }

  private let size: Int
  private let passes: [Pass]
  /// e^(−2πi k / N), for the even length.
  private let cosines: [Float]
  private let sines: [Float]

  /// A plan for N numbers, at least 1.
  public init(count: Int) {
    precondition(count > 0, "a Fourier transform of \(count) numbers")
    self.count = count
    let isEven = count % 2 == 0
    size = isEven ? count / 2 : count
    (passes, cosines, sines) = (
      Self.passes(size), isEven ? Self.circle(size + 1, of: count).cosines : [],
      isEven ? Self.circle(size + 1, of: count).sines : []
    )
  }

  /// e^(−2πi k / n) for k below `count`.
  private static func circle(_ count: Int, of n: Int) -> (cosines: [Float], sines: [Float]) {
    let angles = (0..<count).map { -2 * Double.pi * Double($0 % n) / Double(n) }
    return (angles.map { Float(cos($0)) }, angles.map { Float(sin($0)) })
  }

  private static func passes(_ size: Int) -> [Pass] {
    var passes: [Pass] = []
    var (length, stride) = (size, 1)
    while length > 1 {
      let radix =
        length % 4 == 0 ? 4 : (2...length).first { length % $0 == 0 } ?? length
      let rest = length / radix
      let whole = circle(length, of: length)
      let inner = circle(radix, of: radix)
      let places = (0..<rest).flatMap { p in (0..<radix).map { $0 * p % length } }
      passes.append(
        Pass(
          radix: radix, length: length, stride: stride, cosines: places.map { whole.cosines[$0] },
          sines: places.map { whole.sines[$0] }, innerCosines: inner.cosines, innerSines: inner.sines))
      (length, stride) = (rest, stride * radix)
    }
    return passes
  }

  // MARK: - Transforms

  /// Room for the numbers on their way. One belongs to one thread.
  public final class Workspace {
    fileprivate typealias Part = UnsafeMutablePointer<Lanes>
    fileprivate let parts: (real: Part, imaginary: Part, otherReal: Part, otherImaginary: Part)

    fileprivate init(_ size: Int) {
      let all = Part.allocate(capacity: 4 * size)
      all.initialize(repeating: .zero, count: 4 * size)
      parts = (all, all + size, all + 2 * size, all + 3 * size)
    }

    deinit { parts.real.deallocate() }
  }

  /// Room for this plan.
  public func makeWorkspace() -> Workspace { Workspace(size) }

  /// Transforms eight times N numbers.
  ///
  /// - Parameters:
  ///   - workspace: Room of ``makeWorkspace()``.
  ///   - input: Gives number n of all eight, 0 ≤ n < N.
  ///   - output: Takes result k, 0 ≤ k ≤ N/2.
  public func callAsFunction(
    in workspace: Workspace, input: (_ n: Int) -> Lanes, output: (_ k: Int, _ real: Lanes, _ imaginary: Lanes) -> Void
  ) {
    withExtendedLifetime(workspace) {
      let isEven = count % 2 == 0
      let (first, second) = (workspace.parts.real, workspace.parts.imaginary)
      for index in 0..<size {
        first[index] = input(isEven ? 2 * index : index)
        second[index] = isEven ? input(2 * index + 1) : .zero
      }
      let numbers = transform(workspace)
      let (real, imaginary) = (numbers.real, numbers.imaginary)
      guard isEven else {
        for k in 0..<binCount { output(k, real[k], imaginary[k]) }
        return
      }
      // The even and the odd numbers' transforms are what is symmetric in the one of both, and what is not.
      for k in 0...size {
        let (a, b) = (k == size ? 0 : k, k == 0 ? 0 : size - k)
        let evenReal = (real[a] + real[b]) * 0.5
        let evenImaginary = (imaginary[a] - imaginary[b]) * 0.5
        let oddReal = (imaginary[a] + imaginary[b]) * 0.5
        let oddImaginary = (real[b] - real[a]) * 0.5
        let (c, s) = (cosines[k], sines[k])
        output(k, evenReal + (oddReal * c - oddImaginary * s), evenImaginary + (oddReal * s + oddImaginary * c))
      }
    }
  }

  /// The transform of N numbers: the real and the imaginary parts of N/2 + 1 results.
  public func callAsFunction(_ numbers: [Float]) -> (real: [Float], imaginary: [Float]) {
    precondition(numbers.count == count, "\(numbers.count) numbers for a Fourier transform of \(count)")
    var (real, imaginary) = ([Float](repeating: 0, count: binCount), [Float](repeating: 0, count: binCount))
    self(in: makeWorkspace()) {
      Lanes(repeating: numbers[$0])
    } output: { k, a, b in
      (real[k], imaginary[k]) = (a[0], b[0])
    }
    return (real, imaginary)
  }

  /// The complex transform of what lies in the workspace.
  private func transform(_ workspace: Workspace) -> Numbers {
    let parts = workspace.parts
    var numbers = Numbers(
      real: parts.real, imaginary: parts.imaginary, otherReal: parts.otherReal, otherImaginary: parts.otherImaginary)
    for pass in passes {
      switch pass.radix {
      case 4: pass.four(numbers)
      case 2: pass.two(numbers)
      default: pass.any(numbers)
      }
      numbers = Numbers(
        real: numbers.otherReal, imaginary: numbers.otherImaginary, otherReal: numbers.real,
        otherImaginary: numbers.imaginary)
    }
    return numbers
  }

  /// What a pass reads, and where it writes.
  fileprivate struct Numbers {
    let real: UnsafeMutablePointer<Lanes>
    let imaginary: UnsafeMutablePointer<Lanes>
    let otherReal: UnsafeMutablePointer<Lanes>
    let otherImaginary: UnsafeMutablePointer<Lanes>

    /// Writes a number turned by e^(i angle).
    @inline(__always) func put(_ place: Int, _ a: Lanes, _ b: Lanes, _ cosine: Float, _ sine: Float) {
      otherReal[place] = a * cosine - b * sine
      otherImaginary[place] = a * sine + b * cosine
    }
  }
}

extension FourierTransform.Pass {
  private typealias Lanes = FourierTransform.Lanes

  fileprivate func two(_ x: FourierTransform.Numbers) {
    let rest = length / 2
    for p in 0..<rest {
      let (c, s) = (cosines[2 * p + 1], sines[2 * p + 1])
      for q in 0..<stride {
        let (first, second, target) = (q + stride * p, q + stride * (p + rest), q + stride * 2 * p)
        let (a, b) = (x.real[first], x.imaginary[first])
        let (d, e) = (x.real[second], x.imaginary[second])
        x.otherReal[target] = a + d
        x.otherImaginary[target] = b + e
        x.put(target + stride, a - d, b - e, c, s)
      }
    }
  }

  fileprivate func four(_ x: FourierTransform.Numbers) {
    let rest = length / 4
    for p in 0..<rest {
      for q in 0..<stride {
        let (from, target) = (q + stride * p, q + stride * 4 * p)
        let step = stride * rest
        let (a, b) = (x.real[from], x.imaginary[from])
        let (c, d) = (x.real[from + step], x.imaginary[from + step])
        let (e, f) = (x.real[from + 2 * step], x.imaginary[from + 2 * step])
        let (g, h) = (x.real[from + 3 * step], x.imaginary[from + 3 * step])
        let (sumReal, sumImaginary) = (a + e, b + f)
        let (differenceReal, differenceImaginary) = (a - e, b - f)
        let (oddReal, oddImaginary) = (c + g, d + h)
        let (turnedReal, turnedImaginary) = (d - h, g - c)
        x.otherReal[target] = sumReal + oddReal
        x.otherImaginary[target] = sumImaginary + oddImaginary
        x.put(
          target + stride, differenceReal + turnedReal, differenceImaginary + turnedImaginary, cosines[4 * p + 1],
          sines[4 * p + 1])
        x.put(target + 2 * stride, sumReal - oddReal, sumImaginary - oddImaginary, cosines[4 * p + 2], sines[4 * p + 2])
        x.put(
          target + 3 * stride, differenceReal - turnedReal, differenceImaginary - turnedImaginary, cosines[4 * p + 3],
          sines[4 * p + 3])
      }
    }
  }

  /// A factor without a formula of its own: the sum as it stands.
  fileprivate func any(_ x: FourierTransform.Numbers) {
    let rest = length / radix
    for p in 0..<rest {
      for q in 0..<stride {
        for j in 0..<radix {
          var (real, imaginary) = (Lanes.zero, Lanes.zero)
          for k in 0..<radix {
            let from = q + stride * (p + rest * k)
            let (c, s) = (innerCosines[j * k % radix], innerSines[j * k % radix])
            real += x.real[from] * c - x.imaginary[from] * s
            imaginary += x.real[from] * s + x.imaginary[from] * c
          }
          x.put(q + stride * (radix * p + j), real, imaginary, cosines[radix * p + j], sines[radix * p + j])
        }
      }
    }
  }
}
