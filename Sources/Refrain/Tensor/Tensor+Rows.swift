// Rows of a table: the look-up of an embedding, and its gradient.

extension Tensor {
  /// The rows with the given indices, in that order: `[N, …]` → `[indices.count, …]`. This is the look-up of an
  /// embedding; its gradient is ``sparseRows``, so a large table costs only the rows used.
  public func gatheringRows(_ indices: [Int]) -> Tensor { Operations.GatherRows(indices: indices)(self) }

  /// A tensor of `count` rows in which row `indices[i]` is row `i` of this one, and the others are zero; no index may
  /// occur twice.
  public func scatteringRows(to indices: [Int], count: Int) -> Tensor {
    Operations.ScatterRows(indices: indices, count: count)(self)
  }
}

extension Operations {
  /// Rows by their indices.
  package struct GatherRows: OperationOfOne {
    package let indices: [Int]

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      require(x.rank >= 1, "a scalar has no rows")
      let width = x.shape.dropFirst().product
      let rows = x.shape[0]
      for index in indices {
        require(index >= 0 && index < rows, "row \(index) is outside a tensor of shape \(x.shape)")
      }
      let result = x.moved { x in
        Tensor([indices.count] + x.shape.dropFirst()) { target in
          x.read { source in
            for (row, index) in indices.enumerated() {
              kernels.copy(width, source + index * width, target + row * width)
            }
          }
        }
      }
      return result.recorded(as: self, of: [x]) {
        [
          .pullback { [shape = x.shape] gradient in
            let sums = SparseRows(adding: gradient.reshaped([indices.count, width]), at: indices)
            let sparse = Tensor(sparseRows: sums, shape: [rows, width])
            return shape.count == 2 ? sparse : sparse.reshaped(shape)
          }
        ]
      }
    }
  }

  /// Rows to their places among rows of zeros.
  package struct ScatterRows: OperationOfOne {
    package let indices: [Int]
    package let count: Int

    @inline(never)
    package func callAsFunction(_ x: Tensor) -> Tensor {
      require(
        x.rank >= 1 && indices.count == x.shape[0],
        "\(indices.count) places for the rows of a tensor of shape \(x.shape)")
      let width = x.shape.dropFirst().product
      var result = Tensor.zeros([count] + x.shape.dropFirst())
      result.write { target in
        x.read { source in
          for (row, index) in indices.enumerated() {
            require(index >= 0 && index < count, "row \(index) is outside \(count) rows")
            kernels.copy(width, source + row * width, target + index * width)
          }
        }
      }
      return result.recorded(as: self, of: [x]) { [.pullback { $0.gatheringRows(indices) }] }
    }

    /// The rows and a row of zeros, taken in the order of their places.
    package func formula(_ operands: [Tensor]) -> [Tensor]? {
      let x = operands[0]
      var places = [Int](repeating: indices.count, count: count)
      for (row, index) in indices.enumerated() { places[index] = row }
      return [concatenate([x, .zeros([1] + x.shape.dropFirst())], axis: 0).gatheringRows(places)]
    }
  }
}
