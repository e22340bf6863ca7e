import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router';
import { loadConfig } from './api/config';
import { newQueryClient } from './app/queries';
import { newRouter } from './app/router';
import { watchTheme } from './app/theme';
import './app/theme.css';

const root = document.getElementById('root');
if (!root) throw new Error('the page has no root');

watchTheme();
void loadConfig().then(() => {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={newQueryClient()}>
        <RouterProvider router={newRouter()} />
      </QueryClientProvider>
    </StrictMode>,
  );
});
