// How long it takes to add up floats over all processes: for the cost model of Guides/ManyMachines.md.
//
//   mpicc -O2 exchange.c -o exchange && mpirun -n 2 ./exchange
//   Benchmarks/machines/networks -n 2 -r 1gbit ./exchange
//
// The first process prints a line a size: bytes, the median of the times in milliseconds, and bytes a second.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  int most = 1 << 23;
  float *values = calloc(most, sizeof(float));
  for (int count = 2; count <= most; count *= 8) {
    int rounds = count > (1 << 20) ? 5 : 21;
    double times[21];
    for (int round = 0; round < rounds; round++) {
      MPI_Barrier(MPI_COMM_WORLD);
      double start = MPI_Wtime();
      MPI_Request request;
      MPI_Iallreduce(MPI_IN_PLACE, values, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &request);
      for (int done = 0; !done;) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (!done) sched_yield();
      }
      times[round] = MPI_Wtime() - start;
    }
    qsort(times, rounds, sizeof(double), compare);
    double median = times[rounds / 2];
    if (rank == 0) printf("%9ld bytes %10.3f ms %8.1f MB/s\n", count * 4L, median * 1e3, count * 4e-6 / median);
  }
  free(values);
  MPI_Finalize();
  return 0;
}
