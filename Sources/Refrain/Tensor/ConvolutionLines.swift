// The geometry of convolutions whose patches are not gathered: samples stand in memory with their zeros around them, so
// that the taps of a kernel along the last axis of space are one run of values, and a line of outputs is a product of
// rows that overlap.

import RefrainKernels

/// A convolution seen line by line. One and two axes of space are seen as three, the first of them of size 1.
struct ConvolutionLines: Sendable {
  let samples: Int
  let channels: Int
  private let axes: Int
  let input: [Int]
  let kernel: [Int]
  let strides: [Int]
  let output: [Int]
  /// The zeros before the input along each axis.
  let before: [Int]
  /// The sizes of a sample with zeros around it. Inputs and gradients of outputs have the same, so that a tap is one
  /// distance in memory, from every output of a sample.
  private(set) var padded: [Int]
  /// The zeros before the gradient of the outputs along each axis.
  private(set) var gradientBefore: [Int]

  /// - Parameters:
  ///   - shape: `[N, size…, C]`.
  ///   - kernel: a size for each axis of space.
  init(_ shape: [Int], kernel: [Int], strides: [Int]?, padding: Padding) {
    let axes = kernel.count
    let strides = strides ?? Array(repeating: 1, count: axes)
    require(
      strides.count == axes && strides.allSatisfy { $0 > 0 } && kernel.allSatisfy { $0 > 0 },
      "a convolution with a kernel of \(kernel) has strides of \(strides); give a positive one for each axis")
    func three(_ sizes: [Int]) -> [Int] { Array(repeating: 1, count: 3 - axes) + sizes }
    (input, self.kernel, self.strides) = (three(Array(shape[1...axes])), three(kernel), three(strides))
    self.axes = axes
    samples = shape[0]
    channels = shape[shape.count - 1]
    var (output, before, padded, gradientBefore): ([Int], [Int], [Int], [Int]) = ([], [], [], [])
    for axis in 0..<3 {
      let (size, taps, stride) = (input[axis], self.kernel[axis], self.strides[axis])
      let outputs = padding.outputSize(size, kernel: taps, stride: stride)
      output.append(outputs)
      before.append(padding.zerosBefore(size, kernel: taps, stride: stride))
      padded.append(
        stride == 1
          ? max(size, outputs) + taps - 1 : max((outputs - 1) * stride + taps, before[axis] + size))
      gradientBefore.append(taps - 1 - before[axis])
    }
    (self.output, self.before, self.padded, self.gradientBefore) = (output, before, padded, gradientBefore)
  }

  /// Whether its gradients are products of lines too.
  var hasUnitStrides: Bool { strides.allSatisfy { $0 == 1 } }
  /// The outputs of one sample.
  var outputCount: Int { output.product }
  /// The places of one sample of the input.
  var inputCount: Int { input.product }
  /// The places of one sample with zeros around it.
  var paddedCount: Int { padded.product }
  /// The values of a patch.
  var width: Int { kernel.product * channels }
  /// The runs of taps of a patch.
  var runs: Int { kernel[0] * kernel[1] }

  func outputShape(_ channels: Int) -> [Int] { [samples] + output.suffix(axes) + [channels] }

  /// Gives this convolution and another one with as many outputs the same places for the gradient of their outputs.
  mutating func share(with other: inout ConvolutionLines) {
    for axis in 0..<3 {
      let shift = max(gradientBefore[axis], other.gradientBefore[axis])
      let size = max(
        padded[axis] + shift - gradientBefore[axis], other.padded[axis] + shift - other.gradientBefore[axis])
      (gradientBefore[axis], other.gradientBefore[axis]) = (shift, shift)
      (padded[axis], other.padded[axis]) = (size, size)
    }
  }

  // MARK: - Places in memory

  /// The place of `at` in a sample with zeros around it.
  private func place(_ at: [Int]) -> Int { (at[0] * padded[1] + at[1]) * padded[2] + at[2] }

  /// Where the runs begin that an output sees, relative to the first tap, for places of so many floats.
  func starts(_ channels: Int) -> [Int] {
    (0..<runs).map { place([$0 / kernel[1], $0 % kernel[1], 0]) * channels }
  }

  /// The place of the first tap that an output of a line sees.
  func firstTap(line: Int, _ output: Int = 0) -> Int {
    place([line / self.output[1] * strides[0], line % self.output[1] * strides[1], output * strides[2]])
  }

  /// The place of the input in a sample with zeros around it.
  func inputPlace(line: Int) -> Int {
    place([line / input[1] + before[0], line % input[1] + before[1], before[2]])
  }

  /// The place of the gradient of an output; of all of them the first, for line 0.
  func gradientPlace(line: Int) -> Int {
    place([line / output[1] + gradientBefore[0], line % output[1] + gradientBefore[1], gradientBefore[2]])
  }

  /// The place of the first gradient that an input of a line has a part in, of strides of 1.
  func firstGradient(line: Int, _ place: Int = 0) -> Int {
    // x has a part in the outputs from x + before − kernel + 1 on.
    let shift = (0..<3).map { axis -> Int in gradientBefore[axis] + before[axis] - kernel[axis] + 1 }
    let (row, column) = (line / input[1], line % input[1])
    return self.place([row + shift[0], column + shift[1], place + shift[2]])
  }

  /// The places from the first output of a sample to the last, those between its lines included.
  var span: Int { outputCount == 0 ? 0 : place([output[0] - 1, output[1] - 1, output[2] - 1]) + 1 }

  /// Calls `body` for the parts of lines that a range of positions covers, of samples of the given sizes.
  static func forEachPart(
    _ positions: Range<Int>, of sizes: [Int],
    _ body: (_ sample: Int, _ line: Int, _ range: Range<Int>) -> Void
  ) {
    var position = positions.lowerBound
    let lines = sizes[0] * sizes[1]
    while position < positions.upperBound {
      let (line, first) = (position / sizes[2], position % sizes[2])
      let end = min(sizes[2], first + positions.upperBound - position)
      body(line / lines, line % lines, first..<end)
      position += end - first
    }
  }

  // MARK: - Zeros around

  /// Writes zeros around values that are written elsewhere: of `sizes`, from `before` on.
  func clearBorders(_ target: M, _ channels: Int, sizes: [Int], before: [Int]) {
    let (height, width) = (padded[1], padded[2])
    for line in 0..<padded[0] * height {
      let (depth, row) = (line / height - before[0], line % height - before[1])
      let start = target + line * width * channels
      if (0..<sizes[0]).contains(depth), (0..<sizes[1]).contains(row) {
        kernels.fill(before[2] * channels, 0, start)
        let end = before[2] + sizes[2]
        kernels.fill((width - end) * channels, 0, start + end * channels)
      } else {
        kernels.fill(width * channels, 0, start)
      }
    }
  }

  /// Copies a sample of the input into its zeros.
  func pad(_ source: P, into target: M) {
    pad(source, channels, sizes: input, before: before, into: target)
  }

  /// Copies a sample of the gradient of the outputs into its zeros.
  func padGradient(_ source: P, _ channels: Int, into target: M) {
    pad(source, channels, sizes: output, before: gradientBefore, into: target)
  }

  private func pad(_ source: P, _ channels: Int, sizes: [Int], before: [Int], into target: M) {
    clearBorders(target, channels, sizes: sizes, before: before)
    for line in 0..<sizes[0] * sizes[1] {
      let to = place([line / sizes[1] + before[0], line % sizes[1] + before[1], before[2]])
      kernels.copy(sizes[2] * channels, source + line * sizes[2] * channels, target + to * channels)
    }
  }

  /// Calls `body` with blocks of samples whose padded values fill about a megabyte, at `channels` a place.
  func forEachBlock(_ channels: Int, _ body: (_ samples: Range<Int>) -> Void) {
    let size = max(1, (1 << 18) / max(1, paddedCount * channels))
    for first in stride(from: 0, to: samples, by: size) { body(first..<min(samples, first + size)) }
  }
}

// MARK: - Products

extension ConvolutionLines {
  /// Outputs of a line.
  ///
  /// - Parameters:
  ///   - sample: a sample with zeros around it, `channels` floats a place.
  ///   - starts: ``starts(_:)`` of as many channels.
  ///   - packed: the weights `[width, columns]` in panels.
  ///   - target: where the first output of the range goes, `step` floats from the next.
  func outputs(
    _ range: Range<Int>, line: Int, of sample: P, channels: Int, starts: UnsafePointer<Int>, packed: P, columns: Int,
    bias: P? = nil, accumulate: Bool = false, into target: M, step: Int
  ) {
    kernels.convolutionLine(
      ConvolutionLineArguments(
        rows: range.count, columns: columns, runs: runs, starts: starts, depth: kernel[2] * channels,
        a: sample + firstTap(line: line, range.lowerBound) * channels, aRowStep: strides[2] * channels, packed: packed,
        bias: bias, accumulate: accumulate, c: target, cRowStep: step))
  }

  /// Gradients of a line of the input, of strides of 1: a convolution of those of the outputs with the kernel turned
  /// round.
  ///
  /// - Parameters:
  ///   - sample: the gradient of a sample's outputs with zeros around it, `outputs` floats a place.
  ///   - starts: ``starts(_:)`` of as many channels.
  ///   - packed: what ``turnedPanels(_:channels:)`` gave.
  ///   - target: where the first gradient of the range goes, `step` floats from the next.
  func inputGradients(
    _ range: Range<Int>, line: Int, of sample: P, outputs: Int, starts: UnsafePointer<Int>, packed: P, into target: M,
    step: Int
  ) {
    kernels.convolutionLine(
      ConvolutionLineArguments(
        rows: range.count, columns: channels, runs: runs, starts: starts, depth: kernel[2] * outputs,
        a: sample + firstGradient(line: line, range.lowerBound) * outputs, aRowStep: outputs, packed: packed,
        accumulate: false, c: target, cRowStep: step))
  }

  /// The panels of the kernel turned round, `[taps · O, C]`, from weights `[O, taps, C]`.
  func turnedPanels(_ weight: P, outputs: Int) -> Storage {
    let (taps, panel, vector) = (kernel.product, kernels.panelWidth(), kernels.vectorWidth())
    let storage = Storage(count: kernels.packedSize(taps * outputs, channels))
    for column in stride(from: 0, to: channels, by: panel) {
      let used = min(panel, channels - column)
      let stride = (used + vector - 1) / vector * vector
      for tap in 0..<taps {
        kernels.packPanels(
          outputs, used, weight + (taps - 1 - tap) * channels + column, taps * channels, 1,
          storage.pointer + column * taps * outputs + tap * outputs * stride)
      }
    }
    return storage
  }
}

/// A part of the gradient of a convolution's weights that is found together with others: of one input of a scan.
struct WeightGradientPart {
  let lines: ConvolutionLines
  /// A sample of the input, with zeros around it.
  let sample: (Int) -> P
  /// `[taps · C, O]`, to which is added.
  let target: M
  var rows: Int { lines.width }
}

/// Adds to the gradients of the weights of convolutions that share the gradient of their outputs, of strides of 1:
/// for each tap the input at its distance, transposed, times the gradients.
///
/// - Parameters:
///   - samples: how many samples there are.
///   - gradient: the gradient of a sample's outputs with zeros around it, `outputs` floats a place.
func addWeightGradients(
  _ parts: [WeightGradientPart], samples: Int, outputs: Int, gradient: (Int) -> P
) {
  guard let lines = parts.first?.lines, samples > 0, outputs > 0 else { return }
  let (span, depth) = (lines.span, 1024)
  let shift = lines.gradientPlace(line: 0) * outputs
  let total = parts.reduce(0) { $0 + $1.rows }
  let isPacked = outputs <= kernels.panelWidth() && outputs % kernels.vectorWidth() == 0
  // Each thread has rows of its own, so that every sum has one order.
  parallel(total, grain: max(6, (1 << 18) / max(1, samples * span * outputs)), multiple: 6) { range in
    let scratch = isPacked ? nil : Storage(count: kernels.packedSize(min(depth, span), outputs))
    for sample in 0..<samples {
      let values = gradient(sample) + shift
      for first in stride(from: 0, to: span, by: depth) {
        let count = min(depth, span - first)
        var packed = values + first * outputs
        if let scratch {
          kernels.packPanels(count, outputs, packed, outputs, 1, scratch.pointer)
          packed = scratch.address
        }
        var start = 0
        for part in parts {
          part.lines.addRows(
            max(
              0, range.lowerBound - start)..<max(0, range.lowerBound - start, min(part.rows, range.upperBound - start)),
            of: part.sample(sample), from: first, depth: count, packed: packed, outputs: outputs, to: part.target)
          start += part.rows
        }
      }
    }
    withExtendedLifetime(scratch) {}
  }
}

extension ConvolutionLines {
  /// Rows of the gradient of the weights `[taps · C, O]`, from some places of a sample.
  fileprivate func addRows(
    _ rows: Range<Int>, of sample: P, from first: Int, depth: Int, packed: P, outputs: Int, to target: M
  ) {
    let width = kernel[2] * channels
    var row = rows.lowerBound
    while row < rows.upperBound {
      let (run, offset) = (row / width, row % width)
      let count = min(width - offset, rows.upperBound - row)
      let start = place([run / kernel[1], run % kernel[1], 0]) + first
      kernels.product(
        ProductArguments(
          rows: count, columns: outputs, depth: depth, a: sample + start * channels + offset, aRowStep: 1,
          aColumnStep: channels, packed: packed, accumulate: true, c: target + row * outputs, cRowStep: outputs))
      row += count
    }
  }
}
