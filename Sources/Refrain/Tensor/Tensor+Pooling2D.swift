/// What becomes of several values.
public enum PoolingFunction: String, Codable, Sendable, CaseIterable {
  /// The greatest.
  case maximum
  /// Their mean.
  case average
}

extension Tensor {
  /// The greatest or the mean value of each channel under a window: `[N, rows, columns, C]` → `[N, rows′, columns′,
  /// C]`. Places outside of the image do not count. The gradient of the greatest goes to the first place that holds it.
  ///
  /// - Parameters:
  ///   - size: the rows and columns of the window.
  ///   - strides: how far apart windows lie along each axis.
  ///   - padding: what happens at the borders.
  func pooled2D(_ function: PoolingFunction, size: [Int], strides: [Int], padding: Padding) -> Tensor {
    Operations.Pooling2D(function: function, size: size, strides: strides, padding: padding)(self)
  }
}

extension Operations {
  /// The greatest or the mean value under a window over images.
  package struct Pooling2D: OperationOfOne {
    package let function: PoolingFunction
    package let size: [Int]
    package let strides: [Int]
    package let padding: Padding

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let windows = ImageWindows(x.shape, size: size, strides: strides, padding: padding)
      let channels = x.shape[3]
      let isMaximum = function == .maximum
      let result = Tensor(windows.outputShape) { target in
        x.read { x in
          parallel(windows.outputs, grain: max(1, Tensor.elementGrain / max(1, channels * size.product))) { range in
            for output in range {
              let sums = target + output * channels
              var isFirst = true
              windows.forEachPlace(of: output) { place in
                let source = x + place * channels
                if isFirst {
                  for channel in 0..<channels { sums[channel] = source[channel] }
                } else if isMaximum {
                  for channel in 0..<channels {
                    let (old, new) = (sums[channel], source[channel])
                    sums[channel] = new > old || new != new ? new : old
                  }
                } else {
                  for channel in 0..<channels { sums[channel] += source[channel] }
                }
                isFirst = false
              }
              if !isMaximum {
                let share = 1 / Float(windows.count(of: output))
                for channel in 0..<channels { sums[channel] *= share }
              }
            }
          }
        }
      }
      return result.recorded(as: self, of: [x]) {
        [
          .pullback { gradient in
            var sum = Tensor.zeros(x.shape)
            let sampleSize = x.shape.dropFirst().product
            sum.write { target in
              read(x, result, gradient) { x, result, gradient in
                // Windows overlap within an image alone.
                parallel(windows.images, grain: max(1, Tensor.elementGrain / max(1, sampleSize))) { images in
                  let open = Storage(count: channels)
                  for output in windows.outputs(of: images) {
                    let given = gradient + output * channels
                    if isMaximum {
                      kernels.fill(channels, 1, open.pointer)
                      let best = result + output * channels
                      windows.forEachPlace(of: output) { place in
                        give(channels, x + place * channels, best, given, open.pointer, target + place * channels)
                      }
                    } else {
                      let share = 1 / Float(windows.count(of: output))
                      windows.forEachPlace(of: output) { place in
                        for channel in 0..<channels { target[place * channels + channel] += share * given[channel] }
                      }
                    }
                  }
                }
              }
            }
            return sum
          }
        ]
      }
    }
  }
}

/// Gives the gradient of a greatest value to the place that holds it, unless an earlier one had it: `open` is 1 until
/// then.
@inline(__always)
private func give(_ channels: Int, _ x: P, _ best: P, _ gradient: P, _ open: M, _ target: M) {
  for channel in 0..<channels {
    let isHere = x[channel] == best[channel] ? open[channel] : 0
    target[channel] += isHere * gradient[channel]
    open[channel] -= isHere
  }
}

/// The places of images that windows see.
private struct ImageWindows: Sendable {
  let images: Int
  private let input: [Int]
  private let output: [Int]
  private let size: [Int]
  private let strides: [Int]
  private let before: [Int]
  let outputShape: [Int]

  init(_ shape: [Int], size: [Int], strides: [Int], padding: Padding) {
    require(
      shape.count == 4 && size.count == 2 && strides.count == 2 && (size + strides).allSatisfy { $0 > 0 },
      "a window of \(size) with strides of \(strides) over images of shape \(shape), expected [N, rows, columns, C]")
    images = shape[0]
    input = Array(shape[1...2])
    (self.size, self.strides) = (size, strides)
    let sizes = Array(shape[1...2])
    output = (0..<2).map { padding.outputSize(sizes[$0], kernel: size[$0], stride: strides[$0]) }
    before = (0..<2).map { padding.zerosBefore(sizes[$0], kernel: size[$0], stride: strides[$0]) }
    outputShape = [shape[0]] + output + [shape[3]]
  }

  private var outputsOfImage: Int { output[0] * output[1] }
  var outputs: Int { images * outputsOfImage }
  func outputs(of images: Range<Int>) -> Range<Int> {
    images.lowerBound * outputsOfImage..<images.upperBound * outputsOfImage
  }

  /// What a window sees along an axis.
  @inline(__always)
  private func seen(_ output: Int, axis: Int) -> Range<Int> {
    let start = output * strides[axis] - before[axis]
    return max(0, start)..<max(0, start, min(input[axis], start + size[axis]))
  }

  func count(of output: Int) -> Int {
    let place = output % outputsOfImage
    return seen(place / self.output[1], axis: 0).count * seen(place % self.output[1], axis: 1).count
  }

  @inline(__always)
  func forEachPlace(of output: Int, _ body: (_ place: Int) -> Void) {
    let (image, place) = (output / outputsOfImage, output % outputsOfImage)
    let columns = seen(place % self.output[1], axis: 1)
    for row in seen(place / self.output[1], axis: 0) {
      let first = (image * input[0] + row) * input[1]
      for column in columns { body(first + column) }
    }
  }
}
