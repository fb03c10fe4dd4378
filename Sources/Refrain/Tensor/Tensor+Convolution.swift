// Convolutions over one to three axes, channels last, as Keras has them: a product of the weights with the patches of
// the input, which are rows of a padded copy that overlap (ConvolutionLines.swift). Only for the gradients of strides
// beyond 1 are patches gathered, a block at a time.

/// How far a convolution reaches at the borders.
public enum Padding: String, Codable, Sendable, CaseIterable {
  /// Zeros around the input, so that a stride of 1 keeps its sizes; of an odd number the greater half stands at the
  /// end.
  case same
  /// Nothing: the kernel stays within the input.
  case valid

  /// The size of the output along an axis.
  func outputSize(_ input: Int, kernel: Int, stride: Int) -> Int {
    switch self {
    case .same: (input + stride - 1) / stride
    case .valid: input < kernel ? 0 : (input - kernel) / stride + 1
    }
  }

  /// The zeros before the input along an axis.
  func zerosBefore(_ input: Int, kernel: Int, stride: Int) -> Int {
    switch self {
    case .same: max(0, (outputSize(input, kernel: kernel, stride: stride) - 1) * stride + kernel - input) / 2
    case .valid: 0
    }
  }
}

extension Tensor {
  /// The convolution with a kernel for each output: `[N, size…, C]` → `[N, size′…, O]`.
  ///
  /// - Parameters:
  ///   - weight: `[O, kernel…, C]`, with as many kernel sizes, one to three, as the input has axes between **N** and
  ///     **C**.
  ///   - strides: how far apart outputs lie along each axis; nil means 1.
  ///   - padding: what happens at the borders.
  public func convolution(weight: Tensor, strides: [Int]? = nil, padding: Padding = .same) -> Tensor {
    require(
      weight.rank == rank && (3...5).contains(rank) && shape[rank - 1] == weight.shape[rank - 1],
      "an input of shape \(shape) does not fit a convolution with weights of shape \(weight.shape), [O, kernel…, C]")
    return Operations.Convolution(strides: strides, padding: padding)(self, weight)
  }

  /// The convolution of each channel with a kernel of its own: `[N, size…, C]` → `[N, size′…, C]`.
  ///
  /// - Parameters:
  ///   - weight: `[kernel…, C]`, with as many kernel sizes, one to three, as the input has axes between **N** and
  ///     **C**.
  ///   - strides: how far apart outputs lie along each axis; nil means 1.
  ///   - padding: what happens at the borders.
  public func depthwiseConvolution(weight: Tensor, strides: [Int]? = nil, padding: Padding = .same) -> Tensor {
    require(
      weight.rank == rank - 1 && (3...5).contains(rank) && shape[rank - 1] == weight.shape[rank - 2],
      "an input of shape \(shape) does not fit a depthwise convolution with weights of shape \(weight.shape), [kernel…, C]"
    )
    return Operations.DepthwiseConvolution(strides: strides, padding: padding)(self, weight)
  }
}

extension Operations {
  /// Of x `[N, size…, C]` and weights `[O, kernel…, C]`; strides of nil are 1.
  package struct Convolution: OperationOfTwo {
    package let strides: [Int]?
    package let padding: Padding

    @inline(never)
    package func callAsFunction(_ x: Tensor, _ weight: Tensor) -> Tensor {
      let outputs = weight.shape[0]
      let lines = ConvolutionLines(
        x.shape, kernel: Array(weight.shape[1..<x.rank - 1]), strides: strides, padding: padding)
      let result = Tensor(lines.outputShape(outputs)) { target in
        // Without channels every sum is empty.
        if lines.width == 0 { kernels.fill(lines.samples * lines.outputCount * outputs, 0, target) }
        // As for a product with few rows the packed weights are kept: the next step of a loop over time comes back to
        // them.
        let packed = Tensor(memoryOf: weight, shape: [outputs, lines.width]).packed(transposed: true, forRows: 1)
        x.read { lines.forward($0, packed: packed, outputs: outputs, into: target) }
      }
      return result.recorded(as: self, of: [x, weight]) {
        guard lines.hasUnitStrides else { return stridedEdges(x, weight) }
        return [
          .pullback { gradient in
            Tensor(x.shape) { target in
              read(weight, gradient) { lines.inputGradient($1, weight: $0, outputs: outputs, into: target) }
            }
          },
          .pullback { gradient in
            var sums = Tensor.zeros([lines.width, outputs])
            sums.write { target in
              read(x, gradient) { lines.addWeightGradient(of: $0, $1, outputs: outputs, to: target) }
            }
            return sums.transposed.reshaped(weight.shape)
          },
        ]
      }
    }

    /// The gradients by way of patches, for any strides.
    private func stridedEdges(_ x: Tensor, _ weight: Tensor) -> [GradientEdge?] {
      let outputs = weight.shape[0]
      let patches = Patches(x.shape, kernel: Array(weight.shape[1..<x.rank - 1]), strides: strides, padding: padding)
      let width = patches.width
      return [
        .pullback { gradient in
          var sum = Tensor.zeros(x.shape)
          let packed = weight.read { packPanels(MatrixView($0, rows: outputs, columns: width)) }
          sum.write { target in
            gradient.read { gradient in
              patches.forEachBlock { rows, block in
                product(
                  MatrixView(gradient + rows.lowerBound * outputs, rows: rows.count, columns: outputs),
                  packed: packed, columns: width, into: block)
                patches.add(block, of: rows, to: target)
              }
            }
          }
          return sum
        },
        .pullback { gradient in
          var sum = Tensor.zeros(weight.shape)
          sum.write { target in
            read(x, gradient) { x, gradient in
              patches.forEachBlock { rows, block in
                patches.gather(rows, of: x, into: block)
                product(
                  MatrixView(
                    gradient + rows.lowerBound * outputs, rows: rows.count, columns: outputs, transposed: true),
                  packed: packPanels(MatrixView(block, rows: rows.count, columns: width)), columns: width,
                  into: target, accumulate: true)
              }
            }
          }
          return sum
        },
      ]
    }
  }

  /// Of x `[N, size…, C]` and weights `[kernel…, C]`; strides of nil are 1.
  package struct DepthwiseConvolution: OperationOfTwo {
    package let strides: [Int]?
    package let padding: Padding

    @inline(never)
    package func callAsFunction(_ x: Tensor, _ weight: Tensor) -> Tensor {
      let channels = x.shape[x.rank - 1]
      let patches = Patches(x.shape, kernel: Array(weight.shape.dropLast()), strides: strides, padding: padding)
      let grain = max(1, Tensor.elementGrain / max(patches.width, 1))
      var result = Tensor.zeros(patches.outputShape(channels))
      guard channels > 0 else { return result }
      result.write { target in
        read(x, weight) { x, weight in
          parallel(patches.rows, grain: grain) { rows in
            patches.forEachRun(rows) { row, source, tap, count in
              for step in 0..<count {
                addProduct(
                  channels, x + (source + step) * channels, weight + (tap + step) * channels, target + row * channels)
              }
            }
          }
        }
      }
      return result.recorded(as: self, of: [x, weight]) {
        [
          .pullback { gradient in
            var sum = Tensor.zeros(x.shape)
            sum.write { target in
              read(weight, gradient) { weight, gradient in
                // Patches overlap within a sample alone.
                parallel(x.shape[0], grain: max(1, grain / max(patches.rowsOfSample, 1))) { samples in
                  patches.forEachRun(
                    samples.lowerBound * patches.rowsOfSample..<samples.upperBound * patches.rowsOfSample
                  ) { row, source, tap, count in
                    for step in 0..<count {
                      addProduct(
                        channels, gradient + row * channels, weight + (tap + step) * channels,
                        target + (source + step) * channels)
                    }
                  }
                }
              }
            }
            return sum
          },
          .pullback { gradient in
            var sum = Tensor.zeros(weight.shape)
            sum.write { target in
              read(x, gradient) { x, gradient in
                // Every thread has channels of its own, and adds up all rows in their order.
                parallel(channels, grain: max(16, Tensor.elementGrain / max(patches.rows, 1)), multiple: 16) { part in
                  let first = part.lowerBound
                  patches.forEachRun(0..<patches.rows) { row, source, tap, count in
                    for step in 0..<count {
                      addProduct(
                        part.count, gradient + row * channels + first, x + (source + step) * channels + first,
                        target + (tap + step) * channels + first)
                    }
                  }
                }
              }
            }
            return sum
          },
        ]
      }
    }
  }
}

/// z += x · y, element by element.
@inline(__always) private func addProduct(_ count: Int, _ x: P, _ y: P, _ z: M) {
  for index in 0..<count { z[index] += x[index] * y[index] }
}

/// The patches of an input that the outputs of a convolution see: a row for each output of each sample, in which the
/// channels of each tap of the kernel follow one another. One and two axes are seen as three, the first of them of size
/// 1.
private struct Patches: Sendable {
  private let samples: Int
  private let channels: Int
  private let axes: Int
  private let input: [Int]
  private let kernel: [Int]
  private let strides: [Int]
  private let output: [Int]
  private let before: [Int]

  init(_ shape: [Int], kernel: [Int], strides: [Int]?, padding: Padding) {
    let axes = kernel.count
    let strides = strides ?? Array(repeating: 1, count: axes)
    require(
      strides.count == axes && strides.allSatisfy { $0 > 0 } && kernel.allSatisfy { $0 > 0 },
      "a convolution with a kernel of \(kernel) has strides of \(strides); give a positive one for each axis")
    func padded(_ sizes: [Int]) -> [Int] { Array(repeating: 1, count: 3 - axes) + sizes }
    let sizes = zip(padded(Array(shape[1...axes])), zip(padded(kernel), padded(strides))).map { ($0, $1.0, $1.1) }
    self.axes = axes
    samples = shape[0]
    channels = shape[shape.count - 1]
    input = sizes.map(\.0)
    self.kernel = sizes.map(\.1)
    self.strides = sizes.map(\.2)
    output = sizes.map { padding.outputSize($0, kernel: $1, stride: $2) }
    before = sizes.map { padding.zerosBefore($0, kernel: $1, stride: $2) }
  }

  /// The outputs of one sample.
  var rowsOfSample: Int { output.product }
  /// The outputs of all samples.
  var rows: Int { samples * rowsOfSample }
  /// The values of a patch.
  var width: Int { kernel.product * channels }

  func outputShape(_ channels: Int) -> [Int] { [samples] + output.suffix(axes) + [channels] }

  /// Calls `body` with blocks of rows that fill about a megabyte, and memory for their patches.
  func forEachBlock(_ body: (_ rows: Range<Int>, _ block: M) -> Void) {
    guard rows > 0, width > 0 else { return }
    let size = min(rows, max(64, (1 << 18) / width))
    let block = Storage(count: size * width)
    for first in stride(from: 0, to: rows, by: size) { body(first..<min(rows, first + size), block.pointer) }
    withExtendedLifetime(block) {}
  }

  /// Calls `body` for each run of taps that lie beside each other and within the input: the row, the first position
  /// among those of all samples, the first tap, and how many.
  @inline(__always)
  func forEachRun(_ rows: Range<Int>, _ body: (_ row: Int, _ source: Int, _ tap: Int, _ count: Int) -> Void) {
    let (depth, height, width) = (input[0], input[1], input[2])
    let (kernelDepth, kernelHeight, kernelWidth) = (kernel[0], kernel[1], kernel[2])
    let (outputHeight, outputWidth, outputs) = (output[1], output[2], rowsOfSample)
    for row in rows {
      let (sample, position) = (row / outputs, row % outputs)
      let left = position % outputWidth * strides[2] - before[2]
      let top = position / outputWidth % outputHeight * strides[1] - before[1]
      let front = position / outputWidth / outputHeight * strides[0] - before[0]
      let (low, high) = (max(0, -left), min(kernelWidth, width - left))
      guard low < high else { continue }
      for i in max(0, -front)..<max(0, -front, min(kernelDepth, depth - front)) {
        for j in max(0, -top)..<max(0, -top, min(kernelHeight, height - top)) {
          let line = (sample * depth + front + i) * height + top + j
          body(row, line * width + left + low, (i * kernelHeight + j) * kernelWidth + low, high - low)
        }
      }
    }
  }

  /// Writes the patches of `rows` into `block`.
  func gather(_ rows: Range<Int>, of input: P, into block: M) {
    let (width, channels) = (width, channels)
    parallel(rows.count, grain: max(1, Tensor.elementGrain / width)) { part in
      kernels.fill(part.count * width, 0, block + part.lowerBound * width)
      let first = rows.lowerBound
      forEachRun(first + part.lowerBound..<first + part.upperBound) { row, source, tap, count in
        kernels.copy(count * channels, input + source * channels, block + (row - first) * width + tap * channels)
      }
    }
  }

  /// Adds the patches of `rows` in `block` to where ``gather(_:of:into:)`` takes them from.
  func add(_ block: M, of rows: Range<Int>, to input: M) {
    let (width, channels, outputs) = (width, channels, rowsOfSample)
    // Patches overlap within a sample alone.
    let samples = rows.lowerBound / outputs..<(rows.upperBound + outputs - 1) / outputs
    parallel(samples.count, grain: max(1, Tensor.elementGrain / (width * outputs))) { part in
      let first = (samples.lowerBound + part.lowerBound) * outputs
      let end = (samples.lowerBound + part.upperBound) * outputs
      forEachRun(max(first, rows.lowerBound)..<min(end, rows.upperBound)) { row, source, tap, count in
        kernels.addScaled(
          count * channels, 1, block + (row - rows.lowerBound) * width + tap * channels, input + source * channels)
      }
    }
  }
}
