extension Tensor {
  /// e to each value over the sum of these along the last axis: each row is a distribution. Does not overflow.
  public func softmax() -> Tensor { Operations.Softmax()(self) }

  /// The logarithm of ``softmax()``, computed so that it neither overflows nor loses small values.
  public func logSoftmax() -> Tensor { Operations.LogSoftmax()(self) }
}

extension Operations {
  /// The softmax of each row along the last axis.
  package struct Softmax: OperationOfOne {
    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let y = x.mapRows { rows, width, target in
        x.read { kernels.softmaxRows(rows.count, width, $0 + rows.lowerBound * width, target) }
      }
      return y.recorded(as: self, of: [x]) {
        [
          .pullback { gradient in
            y.mapRows { rows, width, target in
              read(y, gradient) { y, dy in
                let at = rows.lowerBound * width
                kernels.softmaxGradientRows(rows.count, width, y + at, dy + at, target)
              }
            }
          }
        ]
      }
    }
  }

  /// The logarithm of the softmax of each row along the last axis.
  package struct LogSoftmax: OperationOfOne {
    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      let y = x.mapRows { rows, width, target in
        x.read { kernels.logSoftmaxRows(rows.count, width, $0 + rows.lowerBound * width, target) }
      }
      return y.recorded(as: self, of: [x]) {
        [
          .pullback { gradient in
            y.mapRows { rows, width, target in
              read(y, gradient) { y, dy in
                let at = rows.lowerBound * width
                kernels.logSoftmaxGradientRows(rows.count, width, y + at, dy + at, target)
              }
            }
          }
        ]
      }
    }
  }
}
